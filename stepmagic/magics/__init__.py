"""What IPython sees: ``%%step``, ``%step WORD``, the first line and its completion."""
