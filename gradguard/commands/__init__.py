"""What lies behind the command line, command by command."""
