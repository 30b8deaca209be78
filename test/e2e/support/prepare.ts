/** Before the first file: is there a cluster, is it free, does it have the images? */
import { kubectl } from './command.ts';
import { loadImages } from './images.ts';
import { refuseOccupied, wayToInstall } from './installation.ts';

export default async function prepare(): Promise<void> {
  const way = wayToInstall();
  const server = JSON.parse(await kubectl(['version', '-o', 'json'])).serverVersion.gitVersion as string;
  await refuseOccupied();
  const loaded = await loadImages();
  const images = loaded.length > 0 ? `loaded ${loaded.join(' and ')}` : 'images are left to the cluster';
  process.stdout.write(`e2e: Kubernetes ${server}, installing with ${way}, ${images}\n`);
}
