"""What stands in for the network of a real-process day: a broker from a wheel, relays that can be holed."""
