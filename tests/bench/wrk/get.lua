-- The same question again and again.  Parameter: what If-None-Match says, or nothing; then only 304 is right.
require("summary")

local wanted = 200

function init(arguments)
	if arguments[1] then
		wrk.headers["If-None-Match"] = arguments[1]
		wanted = 304
	end
end

function response(status)
	if status ~= wanted then
		io.stderr:write("the answer was ", status, "\n")
		os.exit(1)
	end
end
