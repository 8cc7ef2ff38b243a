"""Rules that raise alerts: one file each, discovered by ``registry``; ``definition`` says what a rule is."""
