"""The credentials of all accounts and servers in tests. The leak guard searches for them."""

CREDENTIALS = {  # with what a URL has to write otherwise
    "phaxio": {"api_key": "canary key/1", "api_secret": "canary+secret=1"},
    "signalwire": {"project_id": "canary&project/1", "api_token": "canary+token=1"},
    "sinch": {"project_id": "canary-sinch-1", "key_id": "canary key/2", "key_secret": "canary+secret=2"},
}
PASSWORD = "canary/pass+word"  # of PostgreSQL
