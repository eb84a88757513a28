"""fal's queue in your programs: checked, priced and limited before anything is paid."""
