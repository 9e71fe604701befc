"""The first hour: the whole pipeline in one sitting."""
