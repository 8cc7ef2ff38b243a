"""The demo place: a believable inner city, generated from a seed.

Generation is pure (numpy and shapely, no database): ``generate.generate_district`` makes one district as arrays,
``loading`` puts it into an empty database. Names and codes of 杭州市下城区 are real; geography, people, organisations
and cases are invented. Same seed, same size, same day: same place.
"""
