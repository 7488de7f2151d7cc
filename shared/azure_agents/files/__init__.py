"""Files and vector stores: uploads, downloads and handles, with the flows behind them."""
