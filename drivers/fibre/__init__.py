"""The fibre line: carrier and counters from the kernel, light from the ONT."""
