-- One command a request.
wrk.method = "POST"
wrk.body = '{"type":"append","content":"milk and honey"}'
wrk.headers["Content-Type"] = "application/json"
