"""What the model says in the browser: every construct that a reader may meet."""

from __future__ import annotations

from typing import Final

from openrouter_server import answer

QUESTION: Final = """\
%%step -e high
Which month is the outlier in {{ sales }}, and may I drop it?"""

FOLLOW_UP: Final = """\
%%step
How do I scale March?"""

RICH: Final = r"""
**March is the outlier.** It lies far below the other months, and its index has gaps: it
is a recording error until shown otherwise.

| month    | sales | $z$   | note                  |
|----------|------:|------:|-----------------------|
| January  |   101 |   0.5 |                       |
| February |    98 |   0.4 | short month           |
| March    |    42 |  -1.5 | **nine days missing** |
| April    |   104 |   0.6 |                       |

The score compares each month with the mean \(\bar x\) and the deviation \(s\):

$$
z_i = \frac{x_i - \bar x}{s}, \qquad
s = \sqrt{\frac{1}{n-1} \sum_{i=1}^{n} (x_i - \bar x)^2}
$$

### Before you drop it

1. Look for gaps with `df.index.to_series().diff()`.
2. Scale each month to the days that were recorded:

```python
days = df.resample("MS")["sales"].count()
daily = df.resample("MS")["sales"].sum() / days  # a fair comparison
daily[daily.sub(daily.mean()).abs() > 2 * daily.std()]
```

3. Then ask again:
   - [x] is the mean of the *other* months still 101?
   - [ ] does accounting confirm a loss of $1,900 to $2,100?

> Never drop a row to make a mean look better.

More in the [pandas guide](https://pandas.pydata.org/docs/user_guide/timeseries.html).
"""

THOUGHT: Final = """\
The user asks which month is an outlier. The sales are 101, 98, 42 and 104.

Without March the mean is 101, so March is far below it. *Why?* The index has gaps: nine
days of March are missing. I should say so before anyone drops the row, and show how to
scale by the days that were recorded, $x / d$.
"""

SHORT: Final = """\
Scale it by hand in one line:

```python
sales["March"] * 31 / 22  # 22 days were recorded
```

| month | recorded | scaled |
|-------|---------:|-------:|
| March |       42 |     59 |

That is **still the lowest month**, but no longer a freak. Say in your report:

- that nine days are missing, and which;
- that the number is *scaled*, not measured.
"""

LONG: Final = " ".join(f"word{number}" for number in range(4000))

# It is stopped long before its end, however slow the page is.
ENDLESS: Final = answer(LONG, reasoning="", tokens_per_frame=2, pace_s=0.03)
