CREATE TABLE `bucket_copies` (
	`bucket` integer PRIMARY KEY NOT NULL,
	`table` text NOT NULL,
	`after` integer NOT NULL
);
