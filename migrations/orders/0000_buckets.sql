CREATE TABLE `buckets` (
	`bucket` integer PRIMARY KEY NOT NULL,
	`state` text NOT NULL,
	`version` integer NOT NULL,
	`moved_to` integer
);
