"""BTHome: how an advert is built, and what its objects mean."""
