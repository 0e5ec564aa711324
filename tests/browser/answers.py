"""What the model says in the browser: every construct that a reader may meet."""

from __future__ import annotations

RICH = r"""
**March is the outlier.** It lies 2.6 standard deviations below the mean of the other
months, and the figure shows the same dip.

| month    | sales | z      | note                    |
|----------|------:|-------:|-------------------------|
| January  |   101 |  $0.2$ |                         |
| February |    98 |  $0.1$ | short month             |
| March    |    42 | $-2.6$ | **nine days missing**   |
| April    |   104 |  $0.3$ |                         |

The score compares each month with the mean $\bar x$ and the deviation $s$:

$$
z_i = \frac{x_i - \bar x}{s}, \qquad s = \sqrt{\frac{1}{n-1}\sum_{i=1}^{n} (x_i-\bar x)^2}
$$

### Before you drop it

1. Look for gaps with `df.index.to_series().diff()`; nine days of March are missing.
2. Fill them or scale the month to its length:

```python
days = df.resample("MS")["sales"].count()
full = df.index.days_in_month
df["daily"] = df["sales"] / days  # not / full: nine days are missing
df.loc[df["daily"].sub(df["daily"].mean()).abs() > 2 * df["daily"].std()]
```

3. Then compare again:
   - [x] the mean of the *other* months stays at \(\bar x = 101\)
   - [ ] the loss of about $1,900 to $2,100 is confirmed by accounting

> A low month with missing days is a recording error until shown otherwise.

See the [pandas guide on time series](https://pandas.pydata.org/docs/timeseries.html).
"""

THOUGHT = """\
The user asks which month is an outlier. The sales are 101, 98, 42 and 104.

Without March the mean is 101, so March is far below it. *Why?* The index has gaps: nine
days of March are missing. I should say so before anyone drops the row, and show how to
scale by the days that were recorded, $x / d$.
"""
