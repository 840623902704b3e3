"""Mass actions: keys of one origin held, their holders told; made anew card by card, or released again."""
