-- The index of the search: drizzle knows no virtual tables.
CREATE VIRTUAL TABLE `documents` USING fts5(`id` UNINDEXED, `version` UNINDEXED, `item` UNINDEXED, `title`, `place`, `kind`, `description`, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');
