CREATE TABLE `unshown_pictures` (
	`path` text PRIMARY KEY NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `items_picture` ON `items` (`picture`);