-- The one script of every run of wrk: the request by arguments, the report as one line of JSON.
--
--   wrk ... -s wrk.lua URL -- [--method POST] [--body BYTES] [--mix notes]
--
-- wrk calls init() once per thread and builds the one request after it. Headers come by wrk's own -H. With --mix the requests rotate; otherwise wrk builds one and repeats it.

local function option(args, name)
    for i = 1, #args - 1 do
        if args[i] == name then
            return args[i + 1]
        end
    end
    return nil
end

-- Eight pages, three lists and one insert.
local function notes_mix()
    local page, list = wrk.format("GET", "/"), wrk.format("GET", "/notes")
    local headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }
    for name, value in pairs(wrk.headers) do
        headers[name] = value
    end
    local insert = wrk.format("POST", "/notes", headers, "title=From+wrk&body=A+note+of+the+bench")
    return { page, page, list, page, page, list, page, page, list, page, page, insert }
end

function init(args)
    wrk.method = option(args, "--method") or "GET"
    local size = tonumber(option(args, "--body") or "0")
    if size > 0 then
        wrk.body = string.rep("x", size)
    end
    if option(args, "--mix") == "notes" then
        local requests, next_one = notes_mix(), 0
        request = function()
            next_one = next_one % #requests + 1
            return requests[next_one]
        end
    end
end

function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format(
        'RHEBOK_BENCH {"requests": %.0f, "duration_us": %.0f, "bytes": %.0f, "p50_us": %.0f, "p99_us": %.0f, '
            .. '"errors": {"connect": %.0f, "read": %.0f, "write": %.0f, "status": %.0f, "timeout": %.0f}}\n',
        summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
        e.connect, e.read, e.write, e.status, e.timeout))
end
