CREATE TABLE `orders` (
	`id` text PRIMARY KEY NOT NULL,
	`bucket` integer NOT NULL,
	`account` text NOT NULL,
	`state` text NOT NULL,
	`lines` text NOT NULL,
	`total` integer NOT NULL,
	`currency` text NOT NULL,
	`because` text,
	`created_at` integer NOT NULL,
	`changed_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `orders_account` ON `orders` (`account`,`created_at`);--> statement-breakpoint
CREATE INDEX `orders_bucket` ON `orders` (`bucket`);--> statement-breakpoint
CREATE TABLE `shipments` (
	`id` text PRIMARY KEY NOT NULL,
	`bucket` integer NOT NULL,
	`state` text NOT NULL,
	`address` text NOT NULL,
	`created_at` integer NOT NULL,
	`changed_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `shipments_bucket` ON `shipments` (`bucket`);