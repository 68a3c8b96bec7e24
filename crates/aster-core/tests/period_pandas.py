"""Makes the recorded periods of src/cube/period.rs with pandas' resample.

    python3 crates/aster-core/tests/period_pandas.py > crates/aster-core/tests/data/periods.json
"""
import json
import random
import pandas as pd

# Edges of every period, leap days, the seconds around midnight, and days at random.
TIMES = ["1999-12-31T23:59:59Z", "2000-01-01T00:00:00Z", "2000-02-29T12:00:00Z", "2000-03-01T00:00:00Z",
         "2001-10-17T01:05:08Z", "2004-11-30T23:59:59Z", "2004-12-01T00:00:00Z", "2004-12-31T22:10:11Z",
         "2005-01-01T00:00:01Z", "2005-01-02T23:59:59Z", "2005-01-03T00:00:00Z", "2005-02-28T23:59:59Z",
         "2008-03-31T23:59:59Z", "2008-04-01T00:00:00Z", "2009-06-30T10:30:00Z", "2009-07-01T10:30:00Z",
         "2010-08-31T23:59:59Z", "2010-09-01T00:00:00Z", "2012-09-30T23:59:59Z", "2012-10-01T00:00:00Z"]
rng = random.Random(7)
TIMES += [pd.Timestamp(rng.randrange(950_000_000, 1_780_000_000), unit="s", tz="UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
          for _ in range(40)]
TIMES.sort()
series = pd.Series(range(len(TIMES)), index=pd.to_datetime(TIMES, utc=True))
bins = {}
for name, frequency in {**{n: n for n in ("D", "W", "MS", "ME", "QE", "YE")}, "season": "QS-DEC"}.items():
    bins[name] = [[label.strftime("%Y-%m-%dT%H:%M:%SZ"), [int(i) for i in members]]
                  for label, members in series.resample(frequency) if len(members)]
print(json.dumps({"made_with": f"pandas {pd.__version__}", "times": TIMES, "bins": bins}))
