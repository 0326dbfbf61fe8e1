"""Why one system of two pools is what it is, and which chips its search proposes."""
