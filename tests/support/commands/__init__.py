"""The commands as tests run them: in this process, or as processes of their own."""
