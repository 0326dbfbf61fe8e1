"""How many chips serve a load: replicas, layout and dollars of each chip, sized by simulation."""
