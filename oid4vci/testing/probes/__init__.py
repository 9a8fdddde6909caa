"""The checks of the scripted wallet, by topic, and what they are made with."""
