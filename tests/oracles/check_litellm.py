from oracle import run; run()
