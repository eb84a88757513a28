"""The cost of the emulator, side by side with named references, on the machine where it is measured."""
