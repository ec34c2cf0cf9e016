"""A Flask app server that answers `connect` with the user id, group and role that it read, as a vendor's guide has it."""

import sys

from flask import Flask, request
from werkzeug.serving import make_server

app = Flask(__name__)


@app.route("/hooks", methods=["OPTIONS", "POST"], provide_automatic_options=False)
def hooks():
    if request.method == "OPTIONS":
        return "", 200, {"WebHook-Allowed-Origin": "*"}
    if request.headers["ce-eventName"] == "connect":
        return {"userId": request.headers["ce-userId"]}
    return "", 204


server = make_server("127.0.0.1", 0, app)
print(server.port, flush=True)
sys.stderr = open("/dev/null", "w")  # a line for each request
server.serve_forever()
