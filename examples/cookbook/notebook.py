# %%
import asyncio
import os

from IPython.display import display

import tryconnect

needs = os.environ["SHOP_NEEDS"].split()

# %%
await tryconnect.probe(needs[0], timeout=5)

# %%
display(*await asyncio.gather(*map(tryconnect.probe, needs)))
