-- Arrays of commands, all of the same length.
--
-- Parameters: the first part of the ledgers' names, how many ledgers take turns, and the length of an array.
require("summary")

local prefix, ledgers, body
local count = 0

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"

function init(arguments)
	local commands = {}
	prefix, ledgers = arguments[1], tonumber(arguments[2])
	for i = 1, tonumber(arguments[3]) do
		commands[i] = '{"type":"append","content":"milk and honey ' .. i .. '"}'
	end
	body = "[" .. table.concat(commands, ",") .. "]"
end

function request()
	count = count + 1
	return wrk.format(nil, "/api/ledgers/" .. prefix .. "-" .. count % ledgers .. "/commands", nil, body)
end
