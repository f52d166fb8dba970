"""rhebok-starter: a superdaemon that binds the sockets and replaces the program behind them without a gap.

It runs any program that takes its listeners from SERVER_STARTER_PORT, with the flags, files and signals of
Server::Starter's start_server. It needs the standard library alone, and loads nothing of
the server: no settings, no compiled module, no application. Its engine is that of rhebok.superdaemon.
"""
