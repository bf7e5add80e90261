"""Draws the course's own pictures: same format as the famous data sets, none of their pixels."""
