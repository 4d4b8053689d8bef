"""The switches by which a provider's fake has all of its lists read, each with faxes that the others lack."""

EVERY_LIST = {"signalwire": {"compat": "read", "compat_lists": "differ"}}
