CREATE TABLE `order_buckets` (
	`bucket` integer PRIMARY KEY NOT NULL,
	`shard` integer NOT NULL,
	`version` integer NOT NULL,
	`moving_to` integer
);
