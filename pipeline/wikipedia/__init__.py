"""What Wikipedia cites: external links out of dumps and lists, and whether a page is among them."""
