"""Reports: how places were used and how people use them, as figures that tell about nobody."""
