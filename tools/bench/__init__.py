"""What the emulator costs, side by side with named references, on the machine where it is asked."""
