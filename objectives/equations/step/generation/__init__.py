"""How tokens come out of passes where a pass does not give one token: blocks that are denoised."""
