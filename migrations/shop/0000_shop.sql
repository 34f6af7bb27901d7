CREATE TABLE `accounts` (
	`id` text PRIMARY KEY NOT NULL,
	`email` text NOT NULL,
	`name` text NOT NULL,
	`password` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `accounts_email_unique` ON `accounts` (`email`);--> statement-breakpoint
CREATE TABLE `items` (
	`id` text PRIMARY KEY NOT NULL,
	`title` text NOT NULL,
	`kind` text NOT NULL,
	`place` text NOT NULL,
	`description` text NOT NULL,
	`price` integer NOT NULL,
	`currency` text NOT NULL,
	`stock` integer NOT NULL,
	`picture` text,
	`seller` text,
	`version` integer NOT NULL,
	`indexed` integer DEFAULT 0 NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `items_newest` ON `items` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `items_kind` ON `items` (`kind`,`created_at`);--> statement-breakpoint
CREATE TABLE `reservations` (
	`key` text PRIMARY KEY NOT NULL,
	`lines` text NOT NULL,
	`state` text NOT NULL,
	`claim` text NOT NULL,
	`at` integer NOT NULL
);
