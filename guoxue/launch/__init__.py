"""Everything behind ``bin/run`` once .venv exists: servers, database, web server and worker."""
