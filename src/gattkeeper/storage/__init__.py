"""The journal on disk: the only room that speaks SQL."""
