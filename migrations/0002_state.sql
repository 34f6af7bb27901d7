CREATE TABLE `state` (
	`namespace` text NOT NULL,
	`key` text NOT NULL,
	`version` integer NOT NULL,
	`content_type` text,
	`value` blob,
	`expires_at` integer,
	`deleted` integer NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`namespace`, `key`)
);
