"""Systems of several pools of unlike chips: what each pool does, and what they come to together."""
