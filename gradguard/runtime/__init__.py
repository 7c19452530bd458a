"""The runtime half: watches a real run at a few choke points of torch and emits the events that really happened."""
