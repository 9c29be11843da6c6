"""The service room: ``daypass serve``. FastAPI on uvicorn around the endpoints of ``daypass.web``.

Enters: settings, a data folder, HTTP requests. Leaves: HTTP responses, two lines about the first
administrator, and log lines that hold no secret. Needs ``pip install "daypass[server]"``.
"""
