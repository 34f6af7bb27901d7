CREATE TABLE `purges` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`epoch` integer NOT NULL,
	`kind` text NOT NULL,
	`value` text NOT NULL,
	`soft` integer NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `purges_epoch` ON `purges` (`epoch`);