# Hello for the Ruby servers: the same 12 bytes and headers as apps/hello.py.
run lambda { |_env| [200, { "Content-Type" => "text/plain", "Content-Length" => "12" }, ["hello, world"]] }
