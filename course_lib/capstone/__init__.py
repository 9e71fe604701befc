"""The capstone: everything before it, at full size."""
