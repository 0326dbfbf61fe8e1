"""What pages and pictures of a study say of pairs of pools of unlike chips."""
