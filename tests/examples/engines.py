from framegauge.engines import Profile, Store, parse_targets

store = Store("engines")
print(len(store.entries()), Profile.parse("1080p").most, parse_targets("rtx,sm89"))
