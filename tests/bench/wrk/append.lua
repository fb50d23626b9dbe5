-- One command a request, each with contents of its own.
--
-- Parameters: the first part of the ledgers' names, and how many ledgers: 1 names it as it is, more add a number to it.
-- Without parameters the path of the URL is asked, with the same body.
require("summary")

local prefix, ledgers, nonce
local count = 0

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"

function init(arguments)
	prefix, ledgers = arguments[1], tonumber(arguments[2])
	math.randomseed(os.time())
	nonce = math.random(1000000000)
end

function request()
	local path
	count = count + 1
	if prefix and ledgers == 1 then
		path = "/api/ledgers/" .. prefix .. "/commands"
	elseif prefix then
		path = "/api/ledgers/" .. prefix .. "-" .. count % ledgers .. "/commands"
	end
	return wrk.format(nil, path, nil, '{"type":"append","content":"milk and honey ' .. nonce .. " " .. count .. '"}')
end
